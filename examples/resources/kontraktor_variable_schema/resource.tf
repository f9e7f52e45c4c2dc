# Every key of the project that ends with PORT holds a port, in all environments.
resource "kontraktor_variable_schema" "ports" {
  project     = "billing"
  name        = "ports"
  key_pattern = "(.*_)?PORT"
  schema = jsonencode({
    type    = "integer"
    minimum = 1
    maximum = 65535
  })
}

resource "kontraktor_variable" "db_port" {
  project = "billing"
  env     = "prod"
  key     = "DB_PORT"
  value   = "5432"
  type    = "number"

  # A schema that comes first judges this write too.
  depends_on = [kontraktor_variable_schema.ports]
}
