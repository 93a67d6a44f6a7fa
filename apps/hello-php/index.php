<?php
$application = json_decode(getenv('VCAP_APPLICATION') ?: '{}', true);
if (parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH) === '/crash') {
    posix_kill(posix_getppid(), SIGKILL); // The server, not one of its workers.
    exit(1);
}
header('Content-Type: application/json');
echo json_encode(['app' => $application['name'] ?? null, 'index' => $application['instance_index'] ?? null,
    'instance' => $application['instance_id'] ?? null, 'runtime' => 'PHP ' . PHP_VERSION, 'pid' => posix_getppid()]), "\n";
