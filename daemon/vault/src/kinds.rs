//! The kinds of vaults that the daemon knows. A new one is a folder, and a line here; the scheme of its references is a line
//! in [`SCHEMES`](kontraktor_model::reference::SCHEMES).

use super::{aws, azure, hashicorp, kind::VaultKind};

/// Every kind of vault.
pub static KINDS: &[&VaultKind] = &[&hashicorp::KIND, &aws::KIND, &azure::KIND];

#[cfg(test)]
mod tests {
    use kontraktor_model::reference::SCHEMES;

    use super::*;

    #[test]
    fn each_scheme_has_one_kind() {
        let kinds: Vec<_> = KINDS.iter().map(|kind| kind.scheme).collect();
        assert_eq!(kinds, SCHEMES);
    }
}
