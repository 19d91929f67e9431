//! Tests of the two sides against each other, without faults and with one at a time. The simulator tests combinations
//! of faults.

mod admissions;
mod commit;
mod decline;
mod dropped;
mod hand_over;
mod ledger;
mod options;
mod pair;
mod roll_call;
mod roll_call_guests;
mod wire;
