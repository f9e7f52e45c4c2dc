//! What the README shows is what is built.

#[test]
fn the_readme_shows_the_example() {
    let readme = include_str!("../README.md");
    let example = include_str!("../examples/minimal.rs");
    let (_, shown) = readme.split_once("```rust\n").expect("the README shows code");
    let (shown, _) = shown.split_once("```").expect("the code ends");
    assert!(shown.lines().count() > 30);
    assert!(example.ends_with(shown), "README.md and examples/minimal.rs differ");
}
