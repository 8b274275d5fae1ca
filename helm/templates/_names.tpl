{{/* What the objects are called; the same from this chart and from one that depends on it. */}}
{{- define "gladly-mcp-sidecar.fullname" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 53 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 53 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "gladly-mcp-sidecar.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "gladly-mcp-sidecar.labels" -}}
{{ include "gladly-mcp-sidecar.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "gladly-mcp-sidecar.serviceAccount" -}}
{{- .Values.serviceAccount.name | default (include "gladly-mcp-sidecar.fullname" .) -}}
{{- end -}}

{{/* The ConfigMap with the site's rules; empty when there are none. */}}
{{- define "gladly-mcp-sidecar.policies" -}}
{{- if .Values.policies -}}
{{- printf "%s-policies" (include "gladly-mcp-sidecar.fullname" .) -}}
{{- else -}}
{{- .Values.existingPolicies -}}
{{- end -}}
{{- end -}}

{{/* A digest says which bytes; a tag only says which name. */}}
{{- define "gladly-mcp-sidecar.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{- printf "%s@%s" .repository .digest -}}
{{- else -}}
{{- printf "%s:%s" .repository (.tag | default $.Chart.AppVersion) -}}
{{- end -}}
{{- end -}}
{{- end -}}
