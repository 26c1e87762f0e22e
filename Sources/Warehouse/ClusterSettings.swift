import Foundation

/// Whether the cluster keeps its promises over a power cut.
public enum Durability: Sendable {
  /// As PostgreSQL comes.
  case full
  /// For tests: no fsync, no full pages, no waiting for the disk; a power cut may destroy the data.
  case none
}

/// The server's settings, from the size of the machine; pure but for ``memoryBytes()``.
struct ClusterSettings {
  var memory: Int
  var cores: Int
  var durability: Durability
  /// Whether `/dev/shm` is too small for parallel queries, as in a container with defaults.
  var smallSharedMemory = false
  /// Whether this server can compress its log with LZ4.
  var hasLZ4 = false

  /// The settings for this machine.
  static func machine(_ durability: Durability) -> ClusterSettings {
    ClusterSettings(
      memory: memoryBytes(), cores: ProcessInfo.processInfo.activeProcessorCount,
      durability: durability, smallSharedMemory: hasSmallSharedMemory())
  }

  /// The text of the configuration file that `postgresql.conf` includes.
  func text(
    socketFolder: String, logFolder: String, port: Int, overrides: [String: String] = [:]
  ) -> String {
    let mib = memory >> 20
    func clamp(_ value: Int, _ low: Int, _ high: Int) -> String {
      "\(min(max(value, low), high))MB"
    }
    let tests = durability == .none
    var lines: [(String, String)] = [
      // Reached through the socket only; the folder lets in its owner alone.
      ("listen_addresses", ""), ("port", "\(port)"),
      ("unix_socket_directories", socketFolder), ("unix_socket_permissions", "0700"),
      ("max_connections", tests ? "400" : "100"),
      // A sixth of the memory is the server's; the engine needs the rest for its columns.
      ("shared_buffers", tests ? "128MB" : clamp(mib / 6, 64, 8192)),
      ("effective_cache_size", clamp(mib / 2, 256, 1 << 20)),
      ("work_mem", tests ? "16MB" : clamp(mib / 256, 8, 256)),
      ("maintenance_work_mem", clamp(mib / 24, 64, 1024)),
      ("max_worker_processes", "\(max(4, cores))"),
      ("max_parallel_workers", "\(max(2, cores))"),
      ("max_parallel_workers_per_gather", "\(max(1, min(4, cores / 2)))"),
      // One lock per partition and index that a statement touches: monthly partitions of years.
      ("max_locks_per_transaction", "512"),
      // The first change of each page after a checkpoint logs the page. A night changes many pages a
      // little; the server's own compression (`on`) costs ten times what LZ4 does.
      ("wal_compression", hasLZ4 ? "lz4" : "off"), ("min_wal_size", "128MB"),
      // What is written between two flushes of a night; with less, backends write it themselves.
      ("wal_buffers", tests ? "16MB" : clamp(mib / 256, 16, 64)), ("max_wal_size", "4GB"),
      ("checkpoint_timeout", "15min"), ("checkpoint_completion_target", "0.9"),
      ("random_page_cost", "1.1"), ("jit", "off"),
      ("timezone", "UTC"), ("log_timezone", "UTC"), ("lc_messages", "C"),
      ("logging_collector", "on"), ("log_directory", logFolder),
      ("log_filename", "postgres-%a.log"), ("log_rotation_age", "1d"),
      ("log_truncate_on_rotation", "on"), ("log_line_prefix", "%m [%p] %a "),
    ]
    if smallSharedMemory { lines.append(("dynamic_shared_memory_type", "mmap")) }
    if tests {
      lines += [
        ("fsync", "off"), ("synchronous_commit", "off"), ("full_page_writes", "off"),
        ("wal_level", "minimal"), ("max_wal_senders", "0"), ("autovacuum_naptime", "10min"),
      ]
    }
    lines += overrides.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    let body = lines.map { "\($0) = '\($1.replacing("'", with: "''"))'" }
    return """
      # Written by strata at each start of the server, from the size of the machine.
      # Your own settings go to the end of postgresql.conf, which is never overwritten.

      """ + body.joined(separator: "\n") + "\n"
  }

  /// The memory that this process may use: the machine's, or its control group's where that is less.
  static func memoryBytes() -> Int {
    let physical = Int(clamping: ProcessInfo.processInfo.physicalMemory)
    let limit = try? String(contentsOfFile: "/sys/fs/cgroup/memory.max", encoding: .utf8)
    return min(physical, limit.flatMap { Int($0.trimmingLines) } ?? physical)
  }

  private static func hasSmallSharedMemory() -> Bool {
    var facts = statvfs()
    guard statvfs("/dev/shm", &facts) == 0 else { return false }
    return UInt64(facts.f_blocks) * UInt64(facts.f_frsize) < 512 << 20
  }
}
