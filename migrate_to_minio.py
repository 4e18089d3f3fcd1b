"""Moves a local lake into MinIO or any S3, resumable and verified: python migrate_to_minio.py --help."""

from __future__ import annotations

from src.commands.migrate_lake import migrate_lake

if __name__ == "__main__":
    migrate_lake(prog_name="migrate_to_minio.py")
