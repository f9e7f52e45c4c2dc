data "kontraktor_environment" "prod" {
  project = "billing"
  env     = "prod"
}

# Only the keys that begin with DB_.
data "kontraktor_environment" "prod_db" {
  project = "billing"
  env     = "prod"
  prefix  = "DB_"
}

output "db_host" {
  value = data.kontraktor_environment.prod.variables["DB_HOST"]
}
