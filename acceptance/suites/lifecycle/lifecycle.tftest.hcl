run "create" {
  assert {
    condition     = data.kontraktor_environment.this.variables == tomap({ KEY = "one", NEIGHBOR = "here" })
    error_message = "the environment holds both variables"
  }
  assert {
    condition     = data.kontraktor_environment.this.types == tomap({ KEY = "string", NEIGHBOR = "string" })
    error_message = "and their types"
  }
  assert {
    condition     = data.kontraktor_variable.this.value == "one"
    error_message = "a single variable can be read"
  }
  assert {
    condition     = contains([for p in data.kontraktor_projects.all.projects : p.name], "shop")
    error_message = "the project is listed"
  }
}

# Through a variable, because OpenTofu does not let assertions refer to other runs.
run "nothing_to_do" {
  command = plan

  variables {
    revision_before = run.create.revision_of_key
  }

  assert {
    condition     = kontraktor_variable.this.revision == var.revision_before
    error_message = "a plan without a change knows the revision"
  }
}

run "update_in_place" {
  variables {
    project_description = "The shop"
    env_description     = "second"
    value               = "two"
    description         = "what it is for"

    revision_before          = run.create.revision_of_key
    neighbor_revision_before = run.create.revision_of_neighbor
  }

  assert {
    condition     = data.kontraktor_environment.this.variables["KEY"] == "two"
    error_message = "the new value is there"
  }
  assert {
    condition     = kontraktor_variable.this.revision > var.revision_before
    error_message = "its revision grew"
  }
  assert {
    condition     = kontraktor_variable.neighbor.revision == var.neighbor_revision_before
    error_message = "the neighbor's did not"
  }
  assert {
    condition     = kontraktor_environment.this.description == "second" && kontraktor_project.this.description == "The shop"
    error_message = "descriptions follow"
  }
}

run "another_type" {
  variables {
    value = "2.50"
    type  = "number"
  }

  assert {
    condition     = kontraktor_variable.this.value == "2.50"
    error_message = "state keeps the author's text"
  }
  assert {
    condition     = data.kontraktor_environment.this.variables["KEY"] == "2.5"
    error_message = "readers get the canonical one"
  }
  assert {
    condition     = data.kontraktor_environment.this.types["KEY"] == "number"
    error_message = "and the type"
  }
}

run "another_environment" {
  variables {
    env = "prod"
  }

  assert {
    condition     = kontraktor_variable.this.id == "shop/prod/KEY"
    error_message = "a new identity replaces environment and variables"
  }
  assert {
    condition     = data.kontraktor_environment.this.variables == tomap({ KEY = "one", NEIGHBOR = "here" })
    error_message = "which are all there"
  }
}

run "another_project" {
  variables {
    project = "store"
    env     = "prod"
  }

  assert {
    condition     = kontraktor_variable.this.id == "store/prod/KEY"
    error_message = "a new project replaces everything"
  }
  assert {
    condition     = !contains([for p in data.kontraktor_projects.all.projects : p.name], "shop")
    error_message = "and the old one is gone"
  }
}
