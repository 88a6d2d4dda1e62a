import CHelperService

/// What a handle of PAM and this side say to each other, at an address that stays the same as long as the handle lives.
@safe
final class Conversation {
    private let storage: UnsafeMutablePointer<helper_conversation>

    init() {
        unsafe storage = .allocate(capacity: 1)
        unsafe storage.initialize(to: helper_conversation())
    }

    deinit {
        unsafe storage.deinitialize(count: 1)
        unsafe storage.deallocate()
    }

    @unsafe var pointer: UnsafeMutablePointer<helper_conversation> { unsafe storage }

    /// Whether a question came that has no answer here.
    var wasAskedMore: Bool { unsafe storage.pointee.was_asked_more != 0 }

    /// Whether a module has got the password.
    var hasAnswered: Bool { unsafe storage.pointee.has_answered != 0 }

    /// How long whoever failed is to wait, as a module would have it (`pam_fail_delay(3)`).
    var delay: Duration { unsafe .microseconds(Int64(storage.pointee.delay)) }

    /// What the first question that is not to be seen is answered with, for as long as the closure runs.
    @unsafe func answering<R>(_ password: UnsafePointer<CChar>?, _ body: () -> R) -> R {
        unsafe storage.pointee.password = password
        defer { unsafe storage.pointee.password = nil }
        return body()
    }

    /// What modules have said so far, each on one line.
    var messages: [String] {
        let text = unsafe UnsafeRawBufferPointer(
            start: helper_conversation_messages(storage),
            count: storage.pointee.messages_size
        )
        return unsafe text.split(separator: 0).prefix(32)
            .map { unsafe String(decoding: $0, as: UTF8.self).onOneLine }
    }
}
