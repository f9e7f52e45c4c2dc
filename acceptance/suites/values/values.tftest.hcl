run "write" {
  assert {
    condition     = alltrue([for key, v in local.values : kontraktor_variable.this[key].value == v.value])
    error_message = "state holds each value as written"
  }
  assert {
    condition = alltrue([
      for key, v in local.values : data.kontraktor_environment.this.variables[key] == v.value if v.type == "string"
    ])
    error_message = "strings come back as they are"
  }
  assert {
    condition     = length(data.kontraktor_environment.this.variables["LARGE"]) == 65536
    error_message = "64 KiB fit"
  }
  assert {
    condition     = data.kontraktor_environment.this.variables["INTEGER"] == "9007199254740993"
    error_message = "no integer goes through a float"
  }
  assert {
    condition     = data.kontraktor_environment.this.variables["BEYOND_64"] == "123456789012345678901234567890.123456789"
    error_message = "no decimal goes through a float"
  }
  assert {
    condition     = data.kontraktor_environment.this.variables["TRAILING"] == "1.5"
    error_message = "numbers are canonical"
  }
  assert {
    condition     = data.kontraktor_environment.this.variables["NEGATIVE"] == "-1000"
    error_message = "without exponents"
  }
  assert {
    condition     = data.kontraktor_environment.this.variables["JSON_SPACED"] == "{\"a\":[],\"z\":1}"
    error_message = "JSON is canonical"
  }
}

run "and_nothing_drifts" {
  command = plan

  assert {
    condition     = alltrue([for key, v in local.values : kontraktor_variable.this[key].revision != null])
    error_message = "every revision is known, so nothing would change"
  }
}
