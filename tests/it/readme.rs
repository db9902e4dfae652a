//! What README.md says of the tests is so.

use std::path::Path;

/// The table of features names the tests that hold them.
#[test]
fn every_test_that_a_feature_names_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    let table = readme.split_once("| product | feature |").expect("the table").1;
    let rows: Vec<&str> = table.lines().skip(2).take_while(|line| line.starts_with('|')).collect();
    assert!(rows.len() > 35, "{} features", rows.len());
    for row in rows {
        let column = row.rsplit('|').nth(1).unwrap();
        let tests: Vec<&str> = column.split('`').skip(1).step_by(2).collect();
        assert!(!tests.is_empty(), "no test: {row}");
        for test in tests {
            let (module, name) = test.split_once("::").unwrap_or((test, ""));
            let file = root.join(format!("tests/it/{module}.rs"));
            let code = std::fs::read_to_string(&file).unwrap_or_else(|_| panic!("{test}: {row}"));
            let starts = [format!("fn {name}("), format!("    {name},\n")];
            assert!(name.is_empty() || starts.iter().any(|s| code.contains(s)), "{test}: {row}");
        }
    }
}
