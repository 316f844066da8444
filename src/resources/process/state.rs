//! What a look told of a product's process.

/// What a look told of a product's process.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NodeState {}
