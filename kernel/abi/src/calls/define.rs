//! The macro that generates numbers, argument structs, the decoder and the manual's text from the table of calls.

/// A call's entry in the manual.
#[derive(Clone, Copy, Debug)]
pub struct Description {
    /// The number in RAX.
    pub number: u16,
    /// The Rust name.
    pub name: &'static str,
    /// The lines of its description.
    pub text: &'static [&'static str],
    /// Name, type and meaning of each argument, in the order of the registers.
    pub arguments: &'static [(&'static str, &'static str, &'static [&'static str])],
    /// The type of its results.
    pub output: &'static str,
}

macro_rules! calls {
    ($($(#[doc = $doc:literal])* $number:literal $name:ident {
        $($(#[doc = $field_doc:literal])* $field:ident: $type:ty),*
    } -> $output:ty;)*) => {
        /// A call's number, in RAX.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u16)]
        pub enum Number {
            $($(#[doc = $doc])* $name = $number,)*
        }

        impl Number {
            /// Every call.
            pub const ALL: &'static [Number] = &[$(Number::$name),*];
        }

        $(
            $(#[doc = $doc])*
            #[derive(Clone, Copy, Debug, PartialEq, Eq)]
            pub struct $name {
                $($(#[doc = $field_doc])* pub $field: $type,)*
            }

            impl Arguments for $name {
                const NUMBER: Number = Number::$name;
                type Output = $output;

                // Inlined, the values go straight into registers; otherwise they go through memory and vector registers.
                #[inline(always)]
                fn encode(&self) -> Registers {
                    let values: &[u64] = &[$(self.$field.to_register()),*];
                    let mut registers = [0; REGISTER_COUNT];
                    registers[..values.len()].copy_from_slice(values);
                    registers
                }

                #[allow(unused_variables, unused_mut)]
                #[inline(always)]
                fn decode(registers: &Registers) -> Result<Self, Error> {
                    let mut registers = registers.iter().copied();
                    Ok($name { $($field: <$type>::from_register(registers.next().unwrap_or(0))?),* })
                }
            }
        )*

        /// Every call's entry in the manual.
        pub const DESCRIPTIONS: &[Description] = &[$(Description {
            number: $number,
            name: stringify!($name),
            text: &[$($doc),*],
            arguments: &[$((stringify!($field), stringify!($type), &[$($field_doc),*])),*],
            output: stringify!($output),
        }),*];

        /// A decoded call.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Request {
            $($(#[doc = $doc])* $name($name),)*
        }

        impl Request {
            /// Decodes the call with this number in RAX from its argument registers.
            ///
            /// # Errors
            /// [`Error::UnknownCall`], or the error of an argument's type.
            #[inline(always)]
            pub fn decode(number: u64, registers: &Registers) -> Result<Request, Error> {
                match number {
                    $($number => $name::decode(registers).map(Request::$name),)*
                    _ => Err(Error::UnknownCall),
                }
            }
        }
    };
}

pub(super) use calls;
