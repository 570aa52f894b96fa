//! `schemas/ps.schema.json` is what the types say. `UPDATE_SCHEMAS=1` writes it anew.

use std::path::Path;

#[test]
fn the_published_schema_is_fresh() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas/ps.schema.json");
    let wanted = format!("{:#}\n", podfleet::ps_json_schema());
    if std::env::var_os("UPDATE_SCHEMAS").is_some() {
        std::fs::write(&file, &wanted).unwrap();
    }
    assert_eq!(
        std::fs::read_to_string(&file).unwrap_or_default(),
        wanted,
        "schemas/ps.schema.json is stale; UPDATE_SCHEMAS=1 cargo test -p podfleet --test schema_file"
    );
}
