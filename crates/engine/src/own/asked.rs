//! A request, as those see it who may answer it.

use longma_proto::h1::{Field, HeadParser, target};

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
    #[expect(dead_code, reason = "what reads fields comes with the files")]
    pub fn fields(&self, name: &'static [u8]) -> impl Iterator<Item = &'a [u8]> {
        let block = &self.bytes[self.head.fields_at()..];
        let wanted = move |field: &&Field| field.name.of(block).eq_ignore_ascii_case(name);
        self.head.fields().iter().filter(wanted).map(|field| field.value.of(block))
    }
}
