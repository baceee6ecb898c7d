// Plain old JavaScript: this must be understood by the versions of Node it turns away.
'use strict';

var parts = process.versions.node.split('.').map(Number);
var major = parts[0];
var minor = parts[1];

if (major < 20 || (major === 20 && minor < 19)) {
  process.stderr.write('Stile needs Node.js 20.19 or newer; this is ' + process.version + '.\n');
  process.exit(1);
}
