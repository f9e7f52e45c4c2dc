# For hosts without ephemeral resources. The value is stored in the state.
data "kontraktor_secret" "db_password" {
  project = "billing"
  env     = "prod"
  key     = "DB_PASSWORD"
}

# A reference that is not stored in an environment.
data "kontraktor_secret" "db_user" {
  reference = "vault://team/secret/billing/db#user"
}

output "db_user" {
  value     = data.kontraktor_secret.db_user.value
  sensitive = true
}

output "db_password_version" {
  value = data.kontraktor_secret.db_password.version
}
