//! Tests of the two sides against each other, without faults and with one at a time. The simulator tests combinations
//! of faults.

mod commit;
mod decline;
mod hand_over;
mod ledger;
mod options;
mod pair;
mod roll_call;
mod wire;
