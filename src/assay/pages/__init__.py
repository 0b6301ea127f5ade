"""What people look at: charts, the report and the pages in which samples are answered."""
