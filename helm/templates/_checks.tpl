{{/* Pairs of values that cannot both hold and that the schema has no words for. */}}
{{- define "gladly-mcp-sidecar.checks" -}}
{{- $secret := .Values.backend.secret -}}
{{- if and .Values.backend.url $secret.urlKey -}}
{{- fail "backend.url and backend.secret.urlKey are both set; keep the one that holds the backend's URL" -}}
{{- end -}}
{{- if not (or .Values.backend.url $secret.urlKey) -}}
{{- fail "there is no backend; set backend.url, or backend.secret.name and backend.secret.urlKey" -}}
{{- end -}}
{{- if and (or $secret.urlKey $secret.tokenKey) (not $secret.name) -}}
{{- fail "backend.secret names a key but no Secret; set backend.secret.name" -}}
{{- end -}}
{{- if and $secret.name (not (or $secret.urlKey $secret.tokenKey)) -}}
{{- fail "backend.secret.name is set without a key; set backend.secret.urlKey or backend.secret.tokenKey" -}}
{{- end -}}
{{- if and .Values.endpointSecret.name (not .Values.endpointSecret.keyKey) -}}
{{- fail "endpointSecret.name is set without a key; set endpointSecret.keyKey" -}}
{{- end -}}
{{- if and .Values.audit.signingSecret.name (not .Values.audit.signingSecret.key) -}}
{{- fail "audit.signingSecret.name is set without a key; set audit.signingSecret.key" -}}
{{- end -}}
{{- if and .Values.pseudonymSecret.name (not .Values.pseudonymSecret.keyIds) -}}
{{- fail "pseudonymSecret.name is set without keys; set pseudonymSecret.keyIds" -}}
{{- end -}}
{{- if and .Values.pseudonymSecret.keyIds (not .Values.pseudonymSecret.name) -}}
{{- fail "pseudonymSecret.keyIds names keys but no Secret; set pseudonymSecret.name" -}}
{{- end -}}
{{- range $path, $secret := dict "telemetrySecret" .Values.telemetrySecret "audit.ship.otlpSecret" .Values.audit.ship.otlpSecret -}}
{{- if and $secret.name (not (or $secret.headersKey $secret.caKey)) -}}
{{- fail (printf "%s.name is set without a key; set %s.headersKey or %s.caKey" $path $path $path) -}}
{{- end -}}
{{- if and (or $secret.headersKey $secret.caKey) (not $secret.name) -}}
{{- fail (printf "%s names a key but no Secret; set %s.name" $path $path) -}}
{{- end -}}
{{- end -}}
{{- if and .Values.telemetrySecret.name (not .Values.settings.telemetry) -}}
{{- fail "telemetrySecret.name is set without a collector; set settings.telemetry.otlp_url" -}}
{{- end -}}
{{- if and .Values.audit.ship.otlpSecret.name (not .Values.audit.ship.otlpUrl) -}}
{{- fail "audit.ship.otlpSecret.name is set without a collector; set audit.ship.otlpUrl" -}}
{{- end -}}
{{- range $key, $_ := .Values.settings.telemetry -}}
{{- if hasSuffix "_file" $key -}}
{{- fail (printf "settings.telemetry.%s names a file that the chart does not mount; set telemetrySecret, which mounts headers and authorities" $key) -}}
{{- end -}}
{{- end -}}
{{- range .Values.settings.endpoints -}}
{{- if and .token_file (not $.Values.endpointSecret.tokenKey) -}}
{{- fail (printf "endpoint %q has a token_file; set endpointSecret.name and endpointSecret.tokenKey, which mount it" .name) -}}
{{- end -}}
{{- if and .token_hash (not $.Values.endpointSecret.name) -}}
{{- fail (printf "endpoint %q has a token_hash; set endpointSecret.name, the Secret with the key of the hashes" .name) -}}
{{- end -}}
{{- end -}}
{{- if eq (int .Values.sidecar.port) (int .Values.sidecar.adminPort) -}}
{{- fail "sidecar.port and sidecar.adminPort are the same; the pod's address must serve the admin port alone" -}}
{{- end -}}
{{- if and .Values.policies .Values.existingPolicies -}}
{{- fail "policies and existingPolicies are both set; keep one, rules are never merged from two places" -}}
{{- end -}}
{{- if and .Values.agent.enabled (not .Values.agent.image) -}}
{{- fail "agent.image is empty; name the agent's image, or set agent.enabled=false to use the named templates" -}}
{{- end -}}
{{- with .Values.settings.policy -}}
{{- if and (has (toString .engine) (list "opa" "both")) (not .opa_url) -}}
{{- fail "settings.policy.engine asks an OPA server and nothing says where it is; set settings.policy.opa_url" -}}
{{- end -}}
{{- end -}}
{{- range .Values.settings.endpoints -}}
{{- if and (not $.Values.settings.bearer) (ne (toString .require_api_token_auth) "false") -}}
{{- fail (printf "endpoint %q wants bearer tokens; set settings.bearer, which says whose tokens count" .name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
