//! A request, as those see it who may answer it.

use longma_proto::h1::{Field, HeadParser, target};
use longma_proto::representation::Conditions;

/// Its head, and the bytes of that.
pub(crate) struct Asked<'a> {
    pub bytes: &'a [u8],
    pub head: &'a HeadParser,
}

impl<'a> Asked<'a> {
    pub fn method(&self) -> &'a [u8] {
        self.head.line().method.of(self.bytes)
    }

    /// The path, still percent-encoded.
    pub fn path(&self) -> &'a [u8] {
        let whole = self.head.line().target.of(self.bytes);
        target::split(whole).path.of(whole)
    }

    /// The values of the fields with this name, in their order.
    pub fn fields(&self, name: &'static [u8]) -> impl Iterator<Item = &'a [u8]> {
        let block = &self.bytes[self.head.fields_at()..];
        let wanted = move |field: &&Field| field.name.of(block).eq_ignore_ascii_case(name);
        self.head.fields().iter().filter(wanted).map(|field| field.value.of(block))
    }

    /// What it says about the thing it asks for.
    pub fn conditions(&self) -> Conditions {
        let block = &self.bytes[self.head.fields_at()..];
        let fields = self.head.fields().iter().map(|field| (field.name.of(block), field.value.of(block)));
        Conditions::of(self.method(), fields)
    }

    /// Whether a proxy has passed it on for somebody else (RFC 7239, RFC 9110 §7.6.3, and what proxies said before).
    pub fn is_passed_on(&self) -> bool {
        const SAID: [&[u8]; 4] = [b"forwarded", b"x-forwarded-for", b"x-real-ip", b"via"];
        SAID.iter().any(|name| self.fields(name).next().is_some())
    }
}
