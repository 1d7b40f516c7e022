{{- define "ponte.fullname" -}}
{{- if contains "ponte" .Release.Name }}{{ .Release.Name | trunc 63 | trimSuffix "-" }}{{ else }}{{ printf "%s-ponte" .Release.Name | trunc 63 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "ponte.selector" -}}
app.kubernetes.io/name: ponte
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "ponte.labels" -}}
{{ include "ponte.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "ponte.tokenSecret" -}}
{{- if .Values.token.existingSecret }}{{ .Values.token.existingSecret }}{{ else if .Values.token.value }}{{ include "ponte.fullname" . }}-token{{ end }}
{{- end }}

{{- /* Not empty if config has a table of users or sign-in; a comment does not count. */ -}}
{{- define "ponte.hasUsers" -}}
{{- if regexMatch "(?m)^[ \\t]*\\[[ \\t]*(users[ \\t]*\\.|sign-in[ \\t]*\\])" .Values.config }}true{{ end }}
{{- end }}

{{- define "ponte.kafkaSecret" -}}
{{- if .Values.kafka.existingSecret }}{{ .Values.kafka.existingSecret }}{{ else if .Values.kafka.properties }}{{ include "ponte.fullname" . }}-kafka{{ end }}
{{- end }}

{{- /* Not empty if the bridge gets the properties as an option. */ -}}
{{- define "ponte.kafkaConfig" -}}
{{- if and (include "ponte.kafkaSecret" .) .Values.kafka.propertiesKey }}/etc/ponte/kafka/{{ .Values.kafka.propertiesKey }}{{ end }}
{{- end }}

{{- /* The pods serve these names: those of the user, the ingress's host, and those of the service. */ -}}
{{- define "ponte.allowedHosts" -}}
{{- $hosts := .Values.allowedHosts }}
{{- if .Values.ingress.enabled }}{{ $hosts = append $hosts .Values.ingress.host }}{{ end }}
{{- $service := include "ponte.fullname" . }}
{{- $hosts = append $hosts $service }}
{{- range list "" ".svc" ".svc.cluster.local" }}{{ $hosts = append $hosts (printf "%s.%s%s" $service $.Release.Namespace .) }}{{ end }}
{{- join "," (uniq $hosts) }}
{{- end }}
