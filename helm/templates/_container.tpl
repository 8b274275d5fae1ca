{{/*
The sidecar's container: an element of initContainers (native) or of containers (classic).
Another chart that depends on this one uses it, and the volumes below, in its own pod:
  {{ include "gladly-mcp-sidecar.container" (index .Subcharts "gladly-mcp-sidecar") }}
*/}}
{{- define "gladly-mcp-sidecar.container" -}}
- name: mcp-sidecar
  image: {{ include "gladly-mcp-sidecar.image" . | quote }}
  imagePullPolicy: {{ .Values.image.pullPolicy }}
  args: ["serve", "--config", "/etc/sidecar/settings/settings.yaml"]
  {{- if eq .Values.sidecar.mode "native" }}
  restartPolicy: Always
  {{- end }}
  ports:
    - name: mcp-admin
      containerPort: {{ .Values.sidecar.adminPort }}
  # In native mode the agent starts only after this: there is no moment without the sidecar.
  startupProbe:
    httpGet:
      path: /readyz
      port: mcp-admin
    periodSeconds: 1
    failureThreshold: 60
  readinessProbe:
    httpGet:
      path: /readyz
      port: mcp-admin
    periodSeconds: 5
  livenessProbe:
    httpGet:
      path: /livez
      port: mcp-admin
    periodSeconds: 10
    failureThreshold: 6
  securityContext:
    runAsUser: 65532
    runAsGroup: 65532
    runAsNonRoot: true
    readOnlyRootFilesystem: true
    allowPrivilegeEscalation: false
    privileged: false
    capabilities:
      drop: ["ALL"]
    seccompProfile:
      type: RuntimeDefault
  resources:
    {{- toYaml .Values.sidecar.resources | nindent 4 }}
  terminationMessagePolicy: FallbackToLogsOnError
  volumeMounts:
    - name: mcp-sidecar-settings
      mountPath: /etc/sidecar/settings
      readOnly: true
    {{- if include "gladly-mcp-sidecar.policies" . }}
    # A whole folder, never subPath: one generation of the ConfigMap, or the other.
    - name: mcp-sidecar-policies
      mountPath: /etc/sidecar/policies
      readOnly: true
    {{- end }}
    {{- if .Values.backend.secret.name }}
    - name: mcp-sidecar-backend
      mountPath: /etc/sidecar/backend
      readOnly: true
    {{- end }}
    {{- if .Values.endpointSecret.name }}
    - name: mcp-sidecar-endpoints
      mountPath: /etc/sidecar/endpoints
      readOnly: true
    {{- end }}
    {{- if .Values.audit.signingSecret.name }}
    - name: mcp-sidecar-signing
      mountPath: /etc/sidecar/signing
      readOnly: true
    {{- end }}
    {{- if .Values.pseudonymSecret.name }}
    - name: mcp-sidecar-pseudonyms
      mountPath: /etc/sidecar/pseudonyms
      readOnly: true
    {{- end }}
    {{- if .Values.telemetrySecret.name }}
    - name: mcp-sidecar-telemetry
      mountPath: /etc/sidecar/telemetry
      readOnly: true
    {{- end }}
    {{- if .Values.audit.ship.otlpSecret.name }}
    - name: mcp-sidecar-ship
      mountPath: /etc/sidecar/ship
      readOnly: true
    {{- end }}
    {{- if .Values.denyList }}
    # A whole folder, never subPath: what is revoked while the pod runs has to be seen.
    - name: mcp-sidecar-denied
      mountPath: /etc/sidecar/denied
      readOnly: true
    {{- end }}
    - name: mcp-sidecar-pod
      mountPath: /etc/sidecar/pod
      readOnly: true
    - name: mcp-sidecar-audit
      mountPath: /var/lib/sidecar/audit
    - name: mcp-sidecar-tmp
      mountPath: /tmp
{{- end -}}

{{/* The volumes of the sidecar's container, and the agent's token. */}}
{{- define "gladly-mcp-sidecar.volumes" -}}
- name: mcp-sidecar-settings
  configMap:
    name: {{ include "gladly-mcp-sidecar.fullname" . }}-settings
{{- with include "gladly-mcp-sidecar.policies" . }}
- name: mcp-sidecar-policies
  configMap:
    name: {{ . }}
{{- end }}
{{- with .Values.backend.secret }}
{{- if .name }}
# Readable by every user of a container that mounts it (292 is 0444): only the sidecar does.
- name: mcp-sidecar-backend
  secret:
    secretName: {{ .name }}
    defaultMode: 292
    items:
      {{- if .urlKey }}
      - key: {{ .urlKey | quote }}
        path: url
      {{- end }}
      {{- if .tokenKey }}
      - key: {{ .tokenKey | quote }}
        path: token
      {{- end }}
{{- end }}
{{- end }}
{{- with .Values.endpointSecret }}
{{- if .name }}
- name: mcp-sidecar-endpoints
  secret:
    secretName: {{ .name }}
    defaultMode: 292
    items:
      - key: {{ .keyKey | quote }}
        path: key
      {{- if .tokenKey }}
      - key: {{ .tokenKey | quote }}
        path: token
      {{- end }}
{{- if .tokenKey }}
# The token alone, for the agent; never the key of the hashes.
- name: mcp-agent-endpoint
  secret:
    secretName: {{ .name }}
    defaultMode: 292
    items:
      - key: {{ .tokenKey | quote }}
        path: token
{{- end }}
{{- end }}
{{- end }}
{{- with .Values.audit.signingSecret }}
{{- if .name }}
- name: mcp-sidecar-signing
  secret:
    secretName: {{ .name }}
    defaultMode: 292
    items:
      - key: {{ .key | quote }}
        path: key
{{- end }}
{{- end }}
{{- with .Values.pseudonymSecret }}
{{- if .name }}
- name: mcp-sidecar-pseudonyms
  secret:
    secretName: {{ .name }}
    defaultMode: 292
    items:
      {{- range .keyIds }}
      - key: {{ . | quote }}
        path: {{ . | quote }}
      {{- end }}
{{- end }}
{{- end }}
{{- range $volume, $secret := dict "telemetry" .Values.telemetrySecret "ship" .Values.audit.ship.otlpSecret }}
{{- if $secret.name }}
- name: mcp-sidecar-{{ $volume }}
  secret:
    secretName: {{ $secret.name }}
    defaultMode: 292
    items:
      {{- if $secret.headersKey }}
      - key: {{ $secret.headersKey | quote }}
        path: headers
      {{- end }}
      {{- if $secret.caKey }}
      - key: {{ $secret.caKey | quote }}
        path: ca.pem
      {{- end }}
{{- end }}
{{- end }}
{{- if .Values.denyList }}
- name: mcp-sidecar-denied
  configMap:
    name: {{ include "gladly-mcp-sidecar.fullname" . }}-denied
{{- end }}
# To be compared with the pod that an agent's token is bound to (kubernetes.pod_uid_file).
- name: mcp-sidecar-pod
  downwardAPI:
    items:
      - path: uid
        fieldRef:
          fieldPath: metadata.uid
- name: mcp-sidecar-audit
  emptyDir:
    sizeLimit: {{ .Values.audit.sizeMiB }}Mi
- name: mcp-sidecar-tmp
  emptyDir:
    sizeLimit: 16Mi
{{- with .Values.settings.bearer.audience }}
- name: mcp-agent-token
  projected:
    sources:
      - serviceAccountToken:
          path: token
          audience: {{ . | quote }}
          expirationSeconds: {{ $.Values.agent.tokenSeconds }}
{{- end }}
{{- end -}}

{{/* What the agent's container mounts: its own token for the sidecar, and nothing else of ours. */}}
{{- define "gladly-mcp-sidecar.agentVolumeMounts" -}}
{{- if .Values.settings.bearer.audience }}
- name: mcp-agent-token
  mountPath: /var/run/secrets/mcp-sidecar
  readOnly: true
{{- end }}
{{- if and .Values.endpointSecret.name .Values.endpointSecret.tokenKey }}
- name: mcp-agent-endpoint
  mountPath: /var/run/secrets/mcp-endpoint
  readOnly: true
{{- end }}
{{- end -}}
