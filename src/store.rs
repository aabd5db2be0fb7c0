//! Homes of the state.
