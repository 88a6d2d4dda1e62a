import Glibc

/// Strings as C programs take them.
enum StringVector {
    /// The pointers of an argument or environment vector, null at the end.
    typealias Pointers = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>

    /// Lends two vectors for the duration of a call.
    static func withVectors<R>(
        _ arguments: [String],
        _ environment: [String],
        _ body: (_ arguments: Pointers, _ environment: Pointers) throws -> R
    ) throws -> R {
        try unsafe withVector(arguments) { arguments in
            try unsafe withVector(environment) { environment in
                try unsafe body(arguments, environment)
            }
        }
    }

    private static func withVector<R>(_ strings: [String], _ body: (Pointers) throws -> R) throws -> R {
        var pointers: [UnsafeMutablePointer<CChar>?] = unsafe strings.map { unsafe strdup($0) }
        unsafe pointers.append(nil)
        defer {
            for index in 0...strings.count { unsafe free(pointers[index]) }
        }
        return try unsafe pointers.withUnsafeMutableBufferPointer { buffer in
            guard let base = buffer.baseAddress else { throw BenchmarkError("there is no memory for arguments") }
            return try unsafe body(base)
        }
    }
}
