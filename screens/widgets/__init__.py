"""Widgets that know no subject: tables drawn by line, JSON, long texts, ages, status labels."""
