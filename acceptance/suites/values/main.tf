locals {
  # The maximum size, 64 KiB.
  block = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
  large = join("", [for i in range(1024) : local.block])

  values = {
    EMPTY        = { type = "string", value = "" }
    LARGE        = { type = "string", value = local.large }
    UNICODE      = { type = "string", value = "Straße 東京 🚀 Ελλάδα" }
    MULTI_LINE   = { type = "string", value = "first\nsecond\n\tthird \"quoted\" $dollar \\ backslash\n" }
    SPACES       = { type = "string", value = "  kept  " }
    BOOL         = { type = "bool", value = "true" }
    INTEGER      = { type = "number", value = "9007199254740993" }
    FRACTION     = { type = "number", value = "0.1" }
    BEYOND_64    = { type = "number", value = "123456789012345678901234567890.123456789" }
    TRAILING     = { type = "number", value = "1.50" }
    NEGATIVE     = { type = "number", value = "-1e3" }
    JSON         = { type = "json", value = jsonencode({ b = [1, 2.5, null, true], a = { "ключ" = "значение" } }) }
    JSON_SPACED  = { type = "json", value = "{ \"z\": 1.0, \"a\": [ ] }" }
    JSON_SCALAR  = { type = "json", value = "null" }
    "Dotted.key" = { type = "string", value = "dots and dashes" }
  }
}

resource "kontraktor_variable" "this" {
  for_each = local.values

  project = "values"
  env     = "dev"
  key     = each.key
  type    = each.value.type
  value   = each.value.value
}

data "kontraktor_environment" "this" {
  project    = "values"
  env        = "dev"
  depends_on = [kontraktor_variable.this]
}
