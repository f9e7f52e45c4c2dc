use super::*;

/// A row with something in it that every other row has too.
fn hash(body: RowBody<'_>) -> String {
    let row = Row {
        seq: 2,
        at_us: -1,
        actor: "unix:ada".into(),
        via: "ktr".into(),
        batch_id: None,
        batch_digest: None,
        batch_item: Some(3),
        body,
        hash: Cow::Borrowed(&[]),
    };
    row.hash_after(&Hash::ZERO).to_string()
}

fn project(protected: bool) -> RowBody<'static> {
    RowBody::Project {
        name: "p".into(),
        operation: "created".into(),
        description: "".into(),
        implicit: true,
        protected,
    }
}

fn environment(imports: Option<&'static str>) -> RowBody<'static> {
    RowBody::Environment {
        id: Uuid::from_u128(7),
        project: "p".into(),
        env: "e".into(),
        operation: "updated".into(),
        revision: 9,
        description: "why".into(),
        implicit: false,
        protected: false,
        imports: imports.map(Cow::Borrowed),
    }
}

fn variable(protected: bool) -> RowBody<'static> {
    RowBody::Variable {
        id: Uuid::nil(),
        environment: Uuid::from_u128(7),
        key: "KEY".into(),
        operation: "updated".into(),
        revision: 9,
        value_type: "string".into(),
        old_value: None,
        new_value: Some("new".into()),
        description: "why".into(),
        protected,
    }
}

/// The form of the hash is a promise to logs that exist. These were computed with another program; those of the first
/// list also from the form that rows had before anything could be protected or imported.
#[test]
fn hashes_stay_what_they_are() {
    assert_eq!(
        [hash(project(false)), hash(environment(None)), hash(variable(false))],
        [
            "86c0811251be8e826309085f7d054fc3b51cf1a891b1a9ab56e2c38c2d4165e0",
            "4539c9870dd739468cf4b81d988ebb253d8464a4e84055067fb5f578b7a35e6b",
            "015aaa05f45c1f95c722c0141c000a21572348b5a962ec5b368d8e63aed9d357",
        ]
    );
    let schema = RowBody::Schema {
        project: "p".into(),
        name: "ports".into(),
        operation: "created".into(),
        key_pattern: "PORT_.*".into(),
        schema: "{}".into(),
    };
    assert_eq!(
        [
            hash(project(true)),
            hash(environment(Some(r#"["p/a","p/b"]"#))),
            hash(variable(true)),
            hash(schema)
        ],
        [
            "5f641b6209e59198a64499d89f7a7bde49ab4ba08844c8b91b15449f61f88128",
            "76ee211279fd03141a1c11f3de7c32bef6824e075894ed4de94e4d564ebe3988",
            "f2edbcabdfeee189fa1f09fe6a4af2b89b65890d1cd329358b02e009644f1e11",
            "310e6640fda5f872689a814dfb0e63ef7129ed85a9bc50ce9b866761a438a32e",
        ]
    );
}

/// The same for the logs that came later. Computed with another program.
#[test]
fn hashes_of_accesses_versions_and_batches_stay_what_they_are() {
    let failed = RowBody::Access {
        operation: "failed".into(),
        project: Some("p".into()),
        env: Some("e".into()),
        key: Some("KEY".into()),
        reference: "azure-kv://kv/name".into(),
        version: "".into(),
        peer: "pid:7".into(),
        count: 3,
        problem: Some("vault_denied".into()),
    };
    let read = RowBody::Access {
        operation: "read".into(),
        project: None,
        env: None,
        key: None,
        reference: "azure-kv://kv/name".into(),
        version: "0a1b".into(),
        peer: "".into(),
        count: 1,
        problem: None,
    };
    let version = RowBody::Version {
        environment: Uuid::from_u128(7),
        key: "KEY".into(),
        reference: "azure-kv://kv/name".into(),
        version: "0a1b".into(),
    };
    let batch = RowBody::Batch { items: 2, results: "[]".into() };
    assert_eq!(
        [hash(failed), hash(read), hash(version), hash(batch)],
        [
            "9511468b4e6d6a33c1bec6d7ec420b470ded7df9c2d3a6edc14ce8e082bc63da",
            "0ce9eff3b209c323a45561113087d5cf67765931cd8f724a8790712e5818f936",
            "75d1a3fa5fdf7a6fe4501d8f3173efd12237fdde7e286876ffbee78a93122c29",
            "f5229dfc9faeee597ed0b2a627abc04f5b27006d2b4f7e7d1b43a077552e1a2b",
        ]
    );
}

/// The same for role bindings and service accounts.
#[test]
fn hashes_of_role_bindings_and_service_accounts_stay_what_they_are() {
    let binding = RowBody::RoleBinding {
        operation: "granted".into(),
        role: "owner".into(),
        subject: "unix:eve".into(),
        pattern: "p/*".into(),
    };
    let created = RowBody::ServiceAccount {
        name: "ci".into(),
        operation: "created".into(),
        client_id: "sa-1".into(),
        description: "why".into(),
        scopes: "env.read admin".into(),
        secrets: Some("[]".into()),
        public_key: None,
    };
    let deleted = RowBody::ServiceAccount {
        name: "ci".into(),
        operation: "deleted".into(),
        client_id: "sa-1".into(),
        description: "".into(),
        scopes: "".into(),
        secrets: None,
        public_key: Some("PEM".into()),
    };
    assert_eq!(
        [hash(binding), hash(created), hash(deleted)],
        [
            "656d2b370224bc753e01be60695f85a86b75dc1fd79c8e770daeb9d726f76885",
            "d8d7079a76e1f7cf38a39f3718fbc2b57b0aed797b95ca559ce614e15f5378e9",
            "6c6a1d16283e886a2590d634df6d609144137b0f3dcb56a9d07d4fde989c985b",
        ]
    );
}

/// The same for the names of actors.
#[test]
fn hashes_of_display_names_stay_what_they_are() {
    let named = |name: &'static str| hash(RowBody::Actor { display_name: name.into() });
    assert_eq!(
        [named("Ada Lovelace"), named("")],
        [
            "d505c3957be94a3279b1c3d00bac3e8fdd4be817f9b55917a0bd3755df045eeb",
            "70a2dc5fc2f6f82ace80537893083da5b29beb0123f2614d2f1cae991be74bc5",
        ]
    );
}

#[test]
fn imports_that_nobody_wrote_are_not_read() {
    for text in ["", "null", "[1]", "{}", "[\"p/a\",\"P\"]"] {
        assert!(imports(text).is_err(), "{text}");
    }
    assert_eq!(imports("[]").unwrap().len(), 0);
    let read: Vec<String> = imports(r#"["p/b","p/a"]"#).unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(read, ["p/b", "p/a"], "in their order");
}
