{{- define "engage.name" -}}
{{- if contains "engage-server" .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-engage-server" (.Release.Name | trunc 26 | trimSuffix "-") -}}
{{- end -}}
{{- end -}}

{{- define "engage.selector" -}}
app.kubernetes.io/name: engage-server
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "engage.labels" -}}
{{ include "engage.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "engage.image" -}}
{{- $repository := required "image.repository is missing: push the image that deploy/container builds, and name it" .Values.image.repository -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" $repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" $repository (.Values.image.tag | default .Chart.AppVersion) -}}
{{- end -}}
{{- end -}}

{{/* What every pod is allowed: nothing but to run as its user. */}}
{{- define "engage.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "engage.containerSecurity" -}}
allowPrivilegeEscalation: false
privileged: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities:
  drop: [ALL]
{{- end -}}

{{/* The values that must be there, each refused with a sentence. */}}
{{- define "engage.checked" -}}
{{- $_ := required "keyEncryptionKey.existingSecret is missing: name a Secret that holds engage.kek; the chart never makes one" .Values.keyEncryptionKey.existingSecret -}}
{{- $_ := required "database.existingSecret is missing: name a Secret that holds the URL of PostgreSQL; the chart never makes one" .Values.database.existingSecret -}}
{{- with .Values.init -}}
{{- if .newInstallation -}}
{{- if not .hosts -}}
{{- fail "init.hosts is empty: list the names and addresses that devices call" -}}
{{- end -}}
{{- if and (not .siteKey.existingSecret) (not .siteKey.makeNew) -}}
{{- fail "init.siteKey.existingSecret is missing: name the Secret with the site key of your doors. If no door exists yet, set init.siteKey.makeNew" -}}
{{- end -}}
{{- if and .siteKey.existingSecret .siteKey.makeNew -}}
{{- fail "init.siteKey has both existingSecret and makeNew: leave one out" -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if and (eq .Values.devices.service.externalTrafficPolicy "Cluster") (not .Values.devices.proxyProtocol.from) -}}
{{- fail "devices.service.externalTrafficPolicy is Cluster, which hides the addresses of devices: set Local, or devices.proxyProtocol.from" -}}
{{- end -}}
{{- with .Values.backups -}}
{{- if and .at (not .existingClaim) -}}
{{- fail "backups.existingClaim is missing: name a claim that all pods can mount, for the nightly backups" -}}
{{- end -}}
{{- if and .existingClaim (not .at) -}}
{{- fail "backups.at is missing: the time of the nightly backup, such as 02:30, in UTC" -}}
{{- end -}}
{{- end -}}
{{- with .Values.openId -}}
{{- if and .clientSecret.existingSecret (not .roles.existingSecret) -}}
{{- fail "openId.roles.existingSecret is missing: name a Secret with oidc.toml, which says which group has which role" -}}
{{- end -}}
{{- if and .roles.existingSecret (not $.Values.settings.oidc_issuer) -}}
{{- fail "settings.oidc_issuer is missing: the URL of the OpenID provider" -}}
{{- end -}}
{{- end -}}
{{- if and .Values.operators.expose (not .Values.operators.tls.existingSecret) -}}
{{- fail "operators.tls.existingSecret is missing: an exposed operators' port needs a certificate. Or set operators.expose to false" -}}
{{- end -}}
{{- end -}}

{{- define "engage.databaseVariable" -}}
- name: ENGAGE_DATABASE_URL
  valueFrom:
    secretKeyRef:
      name: {{ .Values.database.existingSecret }}
      key: {{ .Values.database.key }}
{{- end -}}

{{/* As a variable, which the TLS instance and init forget: a file would stay where a worker could read it. */}}
{{- define "engage.keyVariable" -}}
- name: ENGAGE_KEY_ENCRYPTION_KEY
  valueFrom:
    secretKeyRef:
      name: {{ .Values.keyEncryptionKey.existingSecret }}
      key: {{ .Values.keyEncryptionKey.key }}
{{- end -}}

{{/* The names by which operators call, with those that the cluster gives the Service. */}}
{{- define "engage.operatorsHosts" -}}
{{- $hosts := list "localhost" "127.0.0.1" "::1" -}}
{{- if .Values.operators.expose -}}
{{- $service := printf "%s-operators" (include "engage.name" .) -}}
{{- $hosts = concat $hosts (list $service (printf "%s.%s" $service .Release.Namespace) (printf "%s.%s.svc" $service .Release.Namespace) (printf "%s.%s.svc.cluster.local" $service .Release.Namespace)) -}}
{{- end -}}
{{- concat $hosts .Values.operators.hosts | uniq | join "," -}}
{{- end -}}

{{/* What all three instances of a pod get. */}}
{{- define "engage.variables" -}}
- name: ENGAGE_DATA_DIR
  value: /var/lib/engage/data
- name: ENGAGE_HTTP_PORT
  value: "8080"
- name: ENGAGE_HTTPS_PORT
  value: "8443"
- name: ENGAGE_PUBLIC_HTTP_PORT
  value: "80"
- name: ENGAGE_OPERATORS_PORT
  value: "8008"
{{- with .Values.devices.proxyProtocol.from }}
- name: ENGAGE_PROXY_PROTOCOL_FROM
  value: {{ join "," . | quote }}
{{- end }}
{{- range $name, $value := .Values.settings }}
- name: ENGAGE_{{ upper $name }}
  value: {{ if kindIs "slice" $value }}{{ join "," $value | quote }}{{ else }}{{ $value | toString | quote }}{{ end }}
{{- end }}
{{ include "engage.databaseVariable" . }}
{{- end -}}

{{/* Asks an instance in its own pod: by its plain address, which is no balancer's. */}}
{{- define "engage.askHere" -}}
exec:
  command: [python, -c, "import urllib.request as u; u.urlopen('http://127.0.0.1:{{ .port }}{{ .path }}', timeout=3)"]
{{- end -}}

{{/* An open port and no handshake: a probe must not look like a device. */}}
{{- define "engage.connectHere" -}}
exec:
  command: [python, -c, "import socket as s; s.create_connection(('127.0.0.1', {{ .port }}), 3).close()"]
{{- end -}}

{{/*
Runs a program again whenever it ends. A container that does not run makes its whole pod not ready, and devices lose a pod
that could serve them. So the operators' container runs always, whatever becomes of the instance in it. Whatever hangs in
the instance is ended by the instance itself.
*/}}
{{- define "engage.runAgain" -}}
ending=
child=
trap 'ending=1; [ -z "$child" ] || kill -TERM "$child" 2>/dev/null' TERM INT
while [ -z "$ending" ]; do
  "$0" "$@" & child=$!
  [ -z "$ending" ] || kill -TERM "$child" # it came between these two lines
  wait "$child"
  status=$?
  while kill -0 "$child" 2>/dev/null; do # a signal ended the wait, not the child
    wait "$child"
    status=$?
  done
  [ -z "$ending" ] || exit "$status"
  echo "the operators' instance ended with status $status. It starts again in 10 s. Devices are served meanwhile." >&2
  sleep 10 & child=$!
  wait "$child"
done
{{- end -}}

{{- define "engage.mounts" -}}
- {name: data, mountPath: /var/lib/engage/data}
- {name: metrics, mountPath: /var/lib/engage/data/metrics}
{{- end -}}
