import Foundation

/// Gives memory back that a daemon needed to start or to work, and does not need to wait.
///
/// Most of what is resident then is program text that only the start ran. The kernel brings it back
/// from its cache when it runs again.
enum ResidentMemory {
  private static let period = Duration.seconds(5)
  /// Seconds of the processor since the last time that make another one worth while.
  private static let worthwhile = 0.03

  /// Looks every few seconds until it is cancelled, and gives back when the process has worked and
  /// now waits.
  static func giveBackWhenIdle() async {
    var (last, given) = (0.0, 0.0)
    while (try? await Task.sleep(for: period)) != nil {
      let used = processorSeconds
      let waits = used - last < 0.01 * period.fractionalSeconds
      last = used
      guard waits, used - given > worthwhile else { continue }
      giveBack()
      given = processorSeconds
      last = given
    }
  }

  private static var processorSeconds: Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }

  static func giveBack() {
    #if os(Linux)
      for text in programText() {
        // Advice only: where the kernel refuses it, the pages stay.
        madvise(text.start, text.count, MADV_DONTNEED)
      }
    #endif
  }

  #if os(Linux)
    /// The mapped program text: pages of files that are never written, so that they can be dropped.
    private static func programText() -> [(start: UnsafeMutableRawPointer?, count: Int)] {
      // By pieces: the file has no size of its own, and what trusts the size reads its beginning only.
      guard let file = FileHandle(forReadingAtPath: "/proc/self/maps") else { return [] }
      var bytes = Data()
      while let piece = try? file.read(upToCount: 1 << 16), !piece.isEmpty { bytes += piece }
      return String(decoding: bytes, as: UTF8.self).split(separator: "\n").compactMap { line in
        let fields = line.split(separator: " ", omittingEmptySubsequences: true)
        guard fields.count >= 6, fields[1] == "r-xp", fields[5].hasPrefix("/") else { return nil }
        let bounds = fields[0].split(separator: "-").compactMap { UInt(String($0), radix: 16) }
        guard bounds.count == 2 else { return nil }
        return (UnsafeMutableRawPointer(bitPattern: bounds[0]), Int(bounds[1] - bounds[0]))
      }
    }
  #endif
}
