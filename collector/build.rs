//! The page is embedded by a macro, which cargo does not run again by itself when a file is added.

fn main() {
    println!("cargo::rerun-if-changed=src/ui");
}
