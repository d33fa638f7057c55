//! The files in `crds/` are what this crate generates. `OPSWARD_WRITE=1 cargo test -p api --test files` writes them.

use std::path::Path;

#[test]
fn the_files_are_what_the_types_say() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../crds");
    for (name, text) in api::crds().unwrap() {
        let path = folder.join(&name);
        if std::env::var_os("OPSWARD_WRITE").is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        let found = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            found == text,
            "{} is behind its types: run `make crds`",
            path.display()
        );
    }
}
