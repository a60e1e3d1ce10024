//! What is made of records, and of damaged ones.

mod browser;
mod differences;
mod folding;
#[path = "../../../record/src/tests/made.rs"]
mod made;
mod needs;
mod reports;
