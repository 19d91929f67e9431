//! [`numbered!`](crate::numbered), which defines enums whose variants travel as numbers.

/// Defines an enum with a number for each variant, and `from_number`, which decodes one. Each number is written once, so a
/// variant cannot be left out of the decoder.
///
/// ```
/// abi::numbered! {
///     /// The state of a lamp.
///     pub enum Lamp: u8 {
///         /// It is dark.
///         Off = 0,
///         /// It is lit.
///         On = 1,
///     }
/// }
/// assert_eq!(Lamp::from_number(1), Some(Lamp::On));
/// assert_eq!(Lamp::from_number(2), None);
/// assert_eq!(Lamp::On as u8, 1);
/// ```
#[macro_export]
macro_rules! numbered {
    (
        $(#[$outer:meta])*
        $visibility:vis enum $name:ident: $number:ident {
            $($(#[$doc:meta])* $variant:ident = $value:literal,)*
        }
    ) => {
        $(#[$outer])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr($number)]
        $visibility enum $name {
            $($(#[$doc])* $variant = $value,)*
        }

        impl $name {
            /// The variant with this number.
            $visibility const fn from_number(number: $number) -> Option<$name> {
                match number {
                    $($value => Some($name::$variant),)*
                    _ => None,
                }
            }
        }
    };
}
