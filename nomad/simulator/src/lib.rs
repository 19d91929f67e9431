//! Simulation and exhaustive exploration of the hand-over.
