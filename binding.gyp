{
  "variables": {
    "flags": ["-std=c++20", "-O3", "-Wall", "-Wextra", "-fvisibility=hidden", "-ffp-contract=off"],
    "tensorrt10": "<!(node scripts/tensorrt-headers.mjs 10)",
    "tensorrt11": "<!(node scripts/tensorrt-headers.mjs 11)"
  },
  "target_defaults": {
    "include_dirs": ["<!(node -p \"require('node-addon-api').include_dir\")"],
    "cflags!": ["-fno-exceptions"],
    "cflags_cc!": ["-fno-exceptions", "-fno-rtti", "-std=gnu++17"],
    "cflags_cc": ["<@(flags)"],
    "xcode_settings": {
      "GCC_ENABLE_CPP_EXCEPTIONS": "YES",
      "CLANG_CXX_LANGUAGE_STANDARD": "c++20",
      "OTHER_CPLUSPLUSFLAGS": ["-O3", "-Wall", "-Wextra", "-fvisibility=hidden", "-ffp-contract=off"]
    },
    "msvs_settings": {
      "VCCLCompilerTool": { "ExceptionHandling": 1, "AdditionalOptions": ["/std:c++20"] }
    }
  },
  "targets": [
    {
      "target_name": "clip-server",
      "sources": ["<!@(node -p \"require('fs').readFileSync('native/sources.txt','utf8')\")"]
    }
  ],
  "conditions": [
    ["tensorrt10!=''", {
      "targets": [
        {
          "target_name": "tensorrt10",
          "sources": ["<!@(node -p \"require('fs').readFileSync('native/tensorrt/sources.txt','utf8')\")"],
          "cflags_cc": ["<!@(node scripts/tensorrt-headers.mjs 10)", "-pthread"],
          "ldflags": ["-pthread", "-Wl,--version-script=<(module_root_dir)/native/tensorrt/exports.map"]
        }
      ]
    }],
    ["tensorrt11!=''", {
      "targets": [
        {
          "target_name": "tensorrt11",
          "sources": ["<!@(node -p \"require('fs').readFileSync('native/tensorrt/sources.txt','utf8')\")"],
          "cflags_cc": ["<!@(node scripts/tensorrt-headers.mjs 11)", "-pthread"],
          "ldflags": ["-pthread", "-Wl,--version-script=<(module_root_dir)/native/tensorrt/exports.map"]
        }
      ]
    }]
  ]
}
