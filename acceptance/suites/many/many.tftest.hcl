run "two_hundred" {
  assert {
    condition     = length(data.kontraktor_environment.this.variables) == 200
    error_message = "all are there"
  }
  assert {
    condition     = data.kontraktor_environment.this.variables["KEY_199"] == "value of KEY_199"
    error_message = "with their values"
  }
  assert {
    condition     = keys(data.kontraktor_environment.tens.variables) == tolist([for i in range(10, 20) : format("KEY_%03d", i)])
    error_message = "a prefix narrows"
  }
  assert {
    condition     = length(distinct([for v in kontraktor_variable.this : v.id])) == 200
    error_message = "each has an id of its own"
  }
}
