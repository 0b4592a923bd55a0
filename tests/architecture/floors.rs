//! Which floor a module stands on, which features lie below which, and the rule for both: down.

use std::collections::BTreeMap;

use syn::Item;

use crate::references::Reference;
use crate::source::{Fault, House, Source, is_cfg_test};

pub struct Floors {
    floors: BTreeMap<String, u8>,
    /// Lower features first.
    features: Vec<String>,
}

/// Reads the plan from `lib.rs` (`pub mod db; // floor 3: …`) and `features/mod.rs` (its order).
pub fn read(house: &House) -> (Floors, Vec<Fault>) {
    let mut faults = Vec::new();
    let mut floors = BTreeMap::new();
    let mut last = 0;
    for (name, line, comment) in house.module(&[]).map(declared).unwrap_or_default() {
        match floor_in(&comment) {
            None => faults.push(Fault::new(
                "lib.rs",
                line,
                format!("`{name}` has no floor"),
                format!("Say it on the line: `pub mod {name}; // floor N: what it is`."),
            )),
            Some(floor) if floor < last => faults.push(Fault::new(
                "lib.rs",
                line,
                format!("`{name}` (floor {floor}) is listed above floor {last}"),
                "List the modules from the ground up.",
            )),
            Some(floor) => {
                last = floor;
                floors.insert(name, floor);
            }
        }
    }
    let features = house.module(&["features"]).map(declared).unwrap_or_default();
    (Floors { floors, features: features.into_iter().map(|(name, ..)| name).collect() }, faults)
}

/// The modules that a file declares: name, line, and what stands behind it on that line.
fn declared(source: &Source) -> Vec<(String, usize, String)> {
    let modules = source.ast.items.iter().filter_map(|item| match item {
        Item::Mod(module) if !is_cfg_test(&module.attrs) => {
            let line = module.ident.span().start().line;
            let text = source.text.lines().nth(line - 1).unwrap_or_default();
            let comment = text.split_once("//").map(|(_, comment)| comment.trim().to_owned());
            Some((module.ident.to_string(), line, comment.unwrap_or_default()))
        }
        _ => None,
    });
    modules.collect()
}

fn floor_in(comment: &str) -> Option<u8> {
    let number = comment.strip_prefix("floor ")?;
    number.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

impl Floors {
    pub fn check(&self, house: &House, references: &[Reference]) -> Vec<Fault> {
        references.iter().filter_map(|reference| self.judge(house, reference)).collect()
    }

    fn judge(&self, house: &House, reference: &Reference) -> Option<Fault> {
        let (from, to) = (&house.sources[reference.from], &house.sources[reference.to]);
        let name = format!("crate::{}", reference.path.join("::"));
        let fault = |what: String, remedy: &str| Some(Fault::new(&from.path, reference.line, what, remedy));
        // `lib.rs` is the map: it may show everything, and nothing is imported from it.
        let below = from.module.first()?;
        let Some(above) = to.module.first() else {
            return fault(
                format!("imports `{name}` from lib.rs, which is only the map"),
                "Import it from the module that defines it.",
            );
        };
        if below == above {
            return if below == "features" { self.judge_feature(house, reference, &name) } else { None };
        }
        let (Some(mine), Some(theirs)) = (self.floors.get(below), self.floors.get(above)) else {
            return None;
        };
        if theirs > mine {
            return fault(
                format!("imports upward: `{name}` ({below}, floor {mine} -> {above}, floor {theirs})"),
                "Move what both need down to a floor below, or let the caller hand it in.",
            );
        }
        if theirs == mine {
            return fault(
                format!("imports sideways: `{name}` ({below} and {above} share floor {mine})"),
                "Move what both need to a floor below, or join the two one floor up.",
            );
        }
        None
    }

    fn judge_feature(&self, house: &House, reference: &Reference, name: &str) -> Option<Fault> {
        let (from, to) = (&house.sources[reference.from], &house.sources[reference.to]);
        let fault = |what: String, remedy: &str| Some(Fault::new(&from.path, reference.line, what, remedy));
        let mine = from.module.get(1)?;
        let Some(theirs) = to.module.get(1) else {
            return fault(
                format!("imports `{name}` from the list of features"),
                "Import it from the feature that defines it, or move it to a floor below.",
            );
        };
        let place = |feature: &String| self.features.iter().position(|listed| listed == feature);
        if mine != theirs && place(theirs) > place(mine) {
            return fault(
                format!("feature `{mine}` uses `{theirs}`, which is above it: `{name}`"),
                "Turn the use round, move what both need down a floor, or change the order in features/mod.rs.",
            );
        }
        if mine != theirs && reference.path.get(2).is_some_and(|part| part == "handlers") {
            return fault(
                format!("feature `{mine}` reaches into the handlers of `{theirs}`: `{name}`"),
                "Call its service or its store.",
            );
        }
        None
    }
}
