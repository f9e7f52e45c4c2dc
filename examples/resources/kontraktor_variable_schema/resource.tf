# Every key that ends with PORT must hold a port number, in all environments of the project.
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

  # Written after the schema, so that it is validated.
  depends_on = [kontraktor_variable_schema.ports]
}
