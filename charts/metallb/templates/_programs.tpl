{{/*
What the programs of this version do not do yet, so that nothing is rendered that they would refuse. A test holds it
against the programs: when it fails, the fact below changes, and no other template does.
*/}}

{{/* Whether /metrics is served over TLS to those whom the API server allows, and both programs take the flags for it. */}}
{{- define "metallb.programs.serveTls" -}}
{{- end }}

{{- define "metallb.metricsScheme" -}}
{{ ternary "https" "http" (eq (include "metallb.programs.serveTls" .) "true") }}
{{- end }}

{{/* Flags of TLS that both programs share; given (list $ secret of the certificate for /metrics). */}}
{{- define "metallb.tlsFlags" -}}
{{- $root := index . 0 -}}
{{- with $root.Values.tls.cipherSuites }}
- {{ printf "--tls-cipher-suites=%s" . | quote }}
{{- end }}
{{- with $root.Values.tls.curvePreferences }}
- {{ printf "--tls-curve-preferences=%s" . | quote }}
{{- end }}
{{- with $root.Values.tls.minVersion }}
- --tls-min-version={{ . }}
{{- end }}
{{- if index . 1 }}
- --metrics-cert-dir=/etc/metrics
{{- end }}
{{- end }}
