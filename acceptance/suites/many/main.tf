resource "kontraktor_variable" "this" {
  for_each = toset([for i in range(200) : format("KEY_%03d", i)])

  project = "many"
  env     = "dev"
  key     = each.key
  value   = "value of ${each.key}"
}

data "kontraktor_environment" "this" {
  project    = "many"
  env        = "dev"
  depends_on = [kontraktor_variable.this]
}

data "kontraktor_environment" "tens" {
  project    = "many"
  env        = "dev"
  prefix     = "KEY_01"
  depends_on = [kontraktor_variable.this]
}
