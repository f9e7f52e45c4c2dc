data "kontraktor_variable" "db_host" {
  project = "billing"
  env     = "prod"
  key     = "DB_HOST"
}

output "db_host" {
  value = data.kontraktor_variable.db_host.value
}
