//! Holds the documents to the truth: links lead somewhere, commands, settings and operations exist,
//! what is said to be missing is missing, and the README's first call answers as the README says.

#[cfg(test)]
mod first_call;
#[cfg(test)]
mod import;
#[cfg(test)]
mod log;
#[cfg(test)]
mod markdown;
#[cfg(test)]
mod named;
#[cfg(test)]
mod production;
#[cfg(test)]
mod program;
#[cfg(test)]
mod security;
