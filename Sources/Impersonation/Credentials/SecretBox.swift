/// Holds a secret where only copyable values can be: in collections, behind a lock, across continuations.
///
/// The secret is wiped when the last reference goes. Neither `print` nor `dump` nor a mirror shows anything of it.
final class SecretBox: Sendable {
    /// The secret.
    let secret: Secret

    /// Takes a secret over.
    init(_ secret: consuming Secret) {
        self.secret = secret
    }
}

extension SecretBox: CustomReflectable {
    /// Nothing: the runtime cannot reflect a noncopyable field, and should not.
    var customMirror: Mirror { Mirror(self, children: []) }
}
