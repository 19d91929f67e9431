//! Tests of the two sides against each other, without faults and with one at a time. Faults in every order are the
//! simulator's.

mod commit;
mod hand_over;
mod ledger;
mod pair;
mod roll_call;
mod wire;
