//! The tree against simple models, with nodes so small that a few elements make it deep.

#[cfg(feature = "fault")]
mod crash;
mod damage;
mod ends;
mod failure;
mod fields;
mod fill;
mod growth;
mod model;
mod ordered;
mod packings;
mod ranked;
