//! Holds the house to its plan: imports point down the floors, no circles, no drawers for odds and
//! ends. It reads `src/` as text, so it needs nothing to be built, and it says what to do about
//! each fault. `planted.rs` proves that every rule can fail.

mod budgets;
mod circles;
mod dependencies;
mod floors;
mod manners;
#[cfg(test)]
mod planted;
mod references;
mod source;
#[cfg(test)]
mod unnamed;

use std::io::Write;
use std::path::Path;

use source::{Fault, House};

/// Every fault of a house, by file and line.
fn inspect(house: &House) -> Vec<Fault> {
    let references = references::all(house);
    let (floors, mut faults) = floors::read(house);
    faults.extend(floors.check(house, &references));
    faults.extend(circles::check(house, &references));
    faults.extend(manners::check(house));
    faults.extend(budgets::check(house));
    faults.sort();
    faults.dedup();
    faults
}

#[cfg(test)]
fn this_house() -> House {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    House::read(&src).expect("src/ can be read")
}

#[test]
fn the_house_stands_on_its_floors() {
    let faults = inspect(&this_house());
    let list: Vec<String> = faults.iter().map(Fault::to_string).collect();
    assert!(faults.is_empty(), "\n{} faults in the architecture:\n\n{}\n", faults.len(), list.join("\n"));
}

#[test]
fn the_budgets_are_printed() {
    // Written past the test runner's capture: the figures are for whoever reads a passing run.
    let report = budgets::report(&this_house());
    std::io::stderr().write_all(report.as_bytes()).unwrap();
}
