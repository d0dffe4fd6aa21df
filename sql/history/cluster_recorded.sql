-- no parameters. Which engine cluster the indexes of this history are on; null until the first command that needed it.
SELECT cluster_uuid FROM esmigrate.installation
