// swift-tools-version: 6.2
import PackageDescription

// Every target: Swift 6 language mode (strict concurrency is part of it), warnings as errors.
let settings: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .treatAllWarnings(as: .error),
]

/// The rooms, bottom layer first. `Tests/ArchitectureTests` holds who may import whom.
func room(
  _ name: String, _ dependencies: [Target.Dependency] = [], path: String? = nil,
  exclude: [String] = [], resources: [Resource]? = nil
) -> Target {
  .target(
    name: name, dependencies: dependencies, path: path, exclude: exclude, resources: resources,
    swiftSettings: settings)
}

func tests(
  _ name: String, _ dependencies: [Target.Dependency], exclude: [String] = [],
  resources: [Resource]? = nil
) -> Target {
  .testTarget(
    name: name, dependencies: dependencies, exclude: exclude, resources: resources,
    swiftSettings: settings)
}

let argumentParser = Target.Dependency.product(
  name: "ArgumentParser", package: "swift-argument-parser")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")
let log = Target.Dependency.product(name: "Logging", package: "swift-log")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let subprocess = Target.Dependency.product(name: "Subprocess", package: "swift-subprocess")
let metrics = Target.Dependency.product(name: "CoreMetrics", package: "swift-metrics")
// Its socket layer alone: FlyingFox itself imports FoundationNetworking, whose libraries take 12 ms
// of every command's start.
let flyingSocks = Target.Dependency.product(name: "FlyingSocks", package: "FlyingFox")

let package = Package(
  name: "strata",
  platforms: [.macOS(.v15)],
  products: [
    .executable(name: "strata", targets: ["strata"]),
    .executable(name: "strata-webhook", targets: ["strata-webhook"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    .package(url: "https://github.com/swhitty/FlyingFox", .upToNextMinor(from: "0.27.1")),
    .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2"),
  ],
  targets: [
    // Layer 0: C libraries, a module map and a shim each.
    .systemLibrary(
      name: "CLibPQ", pkgConfig: "libpq",
      providers: [.apt(["libpq-dev"]), .brew(["libpq"])]),
    .systemLibrary(
      name: "CXGBoost", pkgConfig: "xgboost",
      providers: [.apt(["libxgboost-dev"]), .brew(["xgboost"])]),
    .systemLibrary(
      name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"]), .brew(["zlib"])]),

    // Layer 1
    room("Diagnostics", [yams]),
    room("Schedules"),
    room("Columns"),
    room("Telemetry", [log, metrics, flyingSocks]),
    room(
      "SQLCatalog", path: "sql",
      resources: [.copy("migrations"), .copy("queries")]),
    room("Warehouse", ["CLibPQ", "SQLCatalog", "Columns", "Schedules", subprocess, crypto, log]),

    // Layer 2
    room("Pipeline", ["Diagnostics", "Schedules", crypto]),
    room("Features", ["Diagnostics", "Columns", "Schedules", yams]),
    room("Rules", ["Diagnostics", "Columns", "Schedules", yams, crypto]),
    room("Learning", ["Columns", "CXGBoost"]),
    room("Demo", ["Columns", "Schedules"]),

    // Layer 3
    room("Inputs", ["Diagnostics", "Warehouse", "Columns", "Schedules", "CZlib", yams, crypto]),
    room("FeatureStore", ["Features", "Rules", "Warehouse", "Columns", "Schedules"]),
    room(
      "Models",
      [
        "Diagnostics", "Learning", "Features", "FeatureStore", "Rules", "Warehouse", "Columns",
        "Schedules", yams,
        crypto,
      ]),
    room(
      "Orchestrator",
      ["Diagnostics", "Pipeline", "Warehouse", "Schedules", "Telemetry", subprocess, log, metrics]),
    room(
      "Segments",
      ["Diagnostics", "Rules", "Features", "FeatureStore", "Warehouse", "Columns", "Schedules"]),
    room("Reporting", ["Columns", "Schedules"]),

    // Layer 4 to 6
    room(
      "Tasks",
      [
        "Pipeline", "Orchestrator", "Warehouse", "Inputs", "Learning", "Features", "FeatureStore",
        "Rules", "Models", "Segments", "Reporting", "Columns", "Schedules",
      ]),
    room(
      "DAGs", ["Pipeline", "Tasks"], path: "dags",
      exclude: ["retail", "online_retail"]),
    .executableTarget(
      name: "strata",
      dependencies: [
        "Diagnostics", "Columns", "Schedules", "Warehouse", "Pipeline", "Features", "FeatureStore",
        "Rules",
        "Demo",
        "Inputs", "Learning", "Models", "Orchestrator", "Segments", "Reporting", "Tasks", "DAGs",
        "SQLCatalog", "Telemetry",
        argumentParser, log,
      ],
      swiftSettings: settings),

    .executableTarget(name: "strata-webhook", swiftSettings: settings),

    // Tests
    .target(
      name: "TestSupport",
      dependencies: ["Warehouse", "Columns", "Schedules", subprocess, flyingSocks],
      path: "Tests/TestSupport", swiftSettings: settings),
    .executableTarget(
      name: "strata-bench",
      dependencies: [
        "Columns", "Schedules", "Warehouse", "Features", "FeatureStore", "Inputs", "Learning",
        "Models", "Orchestrator", "Pipeline", "Rules", "Segments", "Tasks", "TestSupport",
      ],
      path: "Tests/Benchmarks", exclude: ["peers", "project", "sql"], swiftSettings: settings),
    .executableTarget(
      name: "strata-chaos",
      dependencies: [
        "Schedules", "Warehouse", "Pipeline", "Orchestrator", "TestSupport", argumentParser, log,
      ],
      path: "Tests/Chaos", swiftSettings: settings),
    tests("ArchitectureTests", ["SQLCatalog", "Warehouse"]),
    tests("DiagnosticsTests", ["Diagnostics"]),
    tests("SchedulesTests", ["Schedules", "TestSupport"], exclude: ["Vectors", "peers"]),
    tests(
      "TelemetryTests", ["Telemetry", "TestSupport", log, metrics, flyingSocks],
      exclude: ["Golden"]),
    tests("ColumnsTests", ["Columns", "TestSupport"]),
    tests("WarehouseTests", ["Warehouse", "TestSupport"]),
    tests(
      "PipelineTests", ["Pipeline", "Schedules", "TestSupport"], exclude: ["Golden"]),
    .target(
      name: "FeatureOracle", dependencies: ["Features", "Columns", "Schedules", "TestSupport"],
      path: "Tests/FeatureOracle", swiftSettings: settings),
    tests(
      "FeaturesTests", ["Features", "FeatureOracle", "Columns", "Schedules", "TestSupport"],
      exclude: ["Golden"]),
    tests(
      "RulesTests", ["Rules", "Columns", "Schedules", "TestSupport"], exclude: ["Golden"]),
    tests("SegmentsTests", ["Segments", "Rules", "Columns", "Schedules", "TestSupport"]),
    tests("LearningTests", ["Learning", "Columns", "TestSupport"]),
    tests(
      "ModelsTests",
      ["Models", "Learning", "Features", "Rules", "Columns", "Schedules", "TestSupport"]),
    tests("DemoTests", ["Demo", "TestSupport"]),
    tests("InputsTests", ["Inputs", "Columns", "Schedules", "TestSupport"]),
    tests(
      "ReportingTests", ["Reporting", "Schedules", "TestSupport"], exclude: ["Golden"]),
    tests(
      "OrchestratorTests",
      [
        "Orchestrator", "Pipeline", "ProcessProbes", "Schedules", "Warehouse", "TestSupport",
        "attempt-probe", subprocess,
      ]),
    // What attempts in processes of their own do in tests, and the program that runs them.
    .target(
      name: "ProcessProbes", dependencies: ["Orchestrator", "Pipeline", "Warehouse", "Schedules"],
      path: "Tests/ProcessProbes", swiftSettings: settings),
    .executableTarget(
      name: "attempt-probe", dependencies: ["ProcessProbes", "Orchestrator"],
      path: "Tests/AttemptProbe", swiftSettings: settings),
    tests(
      "IntegrationTests",
      [
        "Warehouse", "SQLCatalog", "Inputs", "Features", "FeatureOracle", "FeatureStore", "Rules",
        "Models",
        "Learning",
        "Orchestrator", "Pipeline", "ProcessProbes", "Segments", "Reporting", "Tasks", "DAGs",
        "Demo", "Columns", "Schedules", "TestSupport", "Telemetry", metrics, "attempt-probe",
        "strata-webhook",
      ], exclude: ["Golden"]),
    tests(
      "EndToEndTests", ["Schedules", "Warehouse", "TestSupport", "CZlib", subprocess],
      exclude: ["peers"]),
  ]
)
