"""The settings in the chart's ``values.schema.json``: each of the table's, but for those that the chart sets itself."""

import json

from engage_server.settings import table_of_settings

# Paths, ports and addresses are the chart's own, and so is what leads to a secret.
CHARTS_OWN = {
    *("certs_dir", "data_dir", "database_url", "bind", "http_port", "https_port", "public_http_port"),
    *("key_encryption_key_file", "key_encryption_key_command", "release_key_file", "proxy_protocol_from"),
    *("operators_bind", "operators_port", "operators_hosts", "operators_behind_proxy"),
    *("operators_tls_certificate", "operators_tls_key", "operators_tls_passphrase_file"),
    *("backup_folder", "backup_at", "backup_keep", "backup_authority", "backup_time_zone"),
    *("links_file", "links_bind", "links_port", "links_key_file", "links_database_url"),
    *("oidc_client_secret_file", "oidc_file", "oidc_ca_file"),
}
_ONE = {"type": ["string", "number", "boolean"]}
_VALUE = {"anyOf": [_ONE, {"type": "array", "items": {"type": ["string", "number"]}}]}


def with_settings(schema: str) -> str:
    """The schema with the settings of today."""
    read = json.loads(schema)
    known = {row.name: _VALUE for row in table_of_settings() if row.name not in CHARTS_OWN}
    read["properties"]["settings"]["properties"] = known
    return json.dumps(read, indent=2) + "\n"
