run "first_apply" {
  assert {
    condition     = kontraktor_variable.value.value == "db.internal" && kontraktor_variable.all.id == "later/dev/HOST"
    error_message = "what was unknown is written"
  }
  assert {
    condition     = data.kontraktor_environment.later.variables == tomap({ HOST = "db.internal" })
    error_message = "and read"
  }
}

run "unknown_again_with_the_same_end" {
  variables {
    round = "2"
  }

  assert {
    condition     = kontraktor_variable.value.value == "db.internal" && kontraktor_variable.all.id == "later/dev/HOST"
    error_message = "a value that turns out to be the old one is no error"
  }
}
