import CLaunchPlan

extension [UInt8] {
    /// Overwrites the bytes where they are, for everybody who has them.
    ///
    /// No copy is made for that, whoever else has the same array: nobody reads it any more.
    package func wipe() {
        unsafe withUnsafeBytes { unsafe linux_wipe($0.baseAddress, $0.count) }
    }
}
