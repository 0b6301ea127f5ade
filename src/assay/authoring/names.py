"""First names from many places, by the gender a chat would read from them; names that are plain words are left out."""

F = """
Aaliyah Abena Adaeze Adriana Agnieszka Aiko Aisha Alejandra Alina Amara Amelia Anahit Ananya Andrea Anneke Anouk
Antonella Aoife Aslaug Astrid Ayesha Aylin Beatriz Birgit Bronwyn Camila Carmen Catarina Charlotte Chiara Chiamaka
Claudia Daniela Deepika Diana Dilnoza Dorota Eilidh Eleni Elif Elin Elodie Emilia Esther Eszter Fatima Fatoumata
Fernanda Fiona Francesca Freja Gabriela Georgia Gita Giulia Greta Gudrun Hadiza Halima Hanna Haruka Helena Henrike
Hilde Hyejin Ifeoma Imani Ines Ingrid Ioana Isabel Ivana Jana Jessica Jiwoo Joanna Johanna Judit Juliana Kadri
Kalina Karin Katarzyna Kavita Kerstin Khadija Kinga Klara Laila Larissa Latoya Leila Leticia Ligaya Lina Linh Ljiljana
Lorena Lucia Ludmila Luisa Magdalena Mahsa Malgorzata Malika Manon Margot Mariam Marisol Marta Matilda Mei Melanie
Merel Meseret Mihaela Mireille Monika Nadia Nandini Naomi Natalia Nathalie Neha Ngozi Nina Noemi Nomvula Nora Nour
Odile Oksana Olga Oluchi Orsolya Paloma Patricia Petra Philippa Pilar Priya Rachel Radka Rania Rebecca Renata
Roksana Rosalind Roza Ruth Saanvi Sabine Sakura Salma Samantha Sanne Saoirse Selin Shanice Shirin Silvia Simone Sofia
Solveig Soraya Stefania Sunita Susana Svetlana Tamar Tamika Tatiana Teresa Thandiwe Tove Tuuli Ulrike Ursula
Valentina Vanessa Veronika Viktoria Virginia Wanjiru Xiaoling Xiomara Yasmin Yelena Yuki Yvonne Zahra Zanele Zeynep
Zofia Zsuzsanna
"""

M = """
Aarav Abdullah Adebayo Ahmed Akira Alberto Alejandro Aleksander Alessandro Ali Amadou Amir Anders Andrei Anton Arjun
Arne Arthur Arvid Asher Baptiste Bartosz Benedek Benjamin Bilal Bjorn Bogdan Bram Branko Brian Bruno Callum Carlos
Cedric Chidi Christoph Ciaran Clement Conor Cristian Damian Daniel Danilo Dariusz David Dawit Deepak Derek Diego Dieter
Dimitri Dmitri Domenico Dragan Duncan Edgar Eduardo Eero Elias Emeka Emil Emre Enrique Enzo Erik Esteban Etienne Evan
Fabian Faisal Farid Felipe Fergus Fernando Filip Florian Francisco Frederik Gabor Gareth Gerald Giacomo Giorgos Gonzalo
Gregor Guillaume Gustavo Hamza Hannes Haruto Hassan Hector Henrik Hiroshi Hugo Ibrahim Idris Ignacio Igor Ilya Imran
Isaac Ivan Jakub Jamal Janos Jasper Javier Jeremy Jerome Joao Joaquin Jonas Jorge Jozef Juan Julien Kamal Karim Karl
Kasper Kaveh Keith Kenji Kevin Khaled Klaus Kofi Konrad Kwame Lamar Lars Laszlo Leandro Leon Liam Lorenzo Luca Luis
Lukas Maarten Mads Malcolm Manuel Marcin Marek Marius Marko Mateo Matthias Maurice Mehmet Miguel Mikko Milos Minh
Mohammed Moritz Musa Nabil Naveen Neil Niall Nikhil Nikolai Nils Octavio Oleg Omar Oscar Osvaldo Otto Owen Pablo
Paolo Pascal Patrice Pavel Pedro Pekka Philippe Pierre Piotr Radek Rafael Raj Ramon Rashid Raul Reza Ricardo Roberto
Rohan Roman Ruben Sami Samuel Sandeep Sanjay Santiago Sebastian Sergio Simon Sipho Stefan Stephane Sunil Takeshi
Tarek Tendai Thabo Theo Thomas Tiago Tobias Tomasz Tunde Umar Vaclav Valentin Viktor Vikram Vincent Vladimir Walid
Wei Werner Wojciech Xavier Yannick Yaw Youssef Yusuf Zoltan
"""

N = """
Aki Alexis Ali Amari Andy Anjali Aris Asa Aubrey Avery Bao Billie Blair Bobbie Bo Brett Cameron Campbell
Casey Chidera Chris Cody Corey Dana Dani Darcy Denny Devin Devon Dominique Efe Eli Ellis Emerson
Emery Ezra Farai Finley Fran Frankie Glenn Greer Harley Hayden Hikaru Ira Isa Jaden Jamie Jan
Jess Jo Jody Jordan Jules Kai Kasey Keegan Kelly Kelsey Kendall Kerry Kim Kiran Kris Kyle Lee Leslie
Lindsay Logan Loren Lou Luca Marley Mel Micah Mika Minh Misha Morgan Nat Nico Nicky Noa Noor Onyeka Parker
Peyton Quinn Reese Remy Rene Riley Robin Ronnie Rory Rowan Sacha Sam Sasha Shannon Shay Shiloh
Stevie Tal Tatum Taylor Teagan Temi Terry Toni Tracy Tristan Uzoma Val Vivian Yael Yuri Zephyr
"""


def _pool(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text.split()))


NAMES: dict[str, tuple[str, ...]] = {"f": _pool(F), "m": _pool(M), "n": _pool(N)}
"""f, m, n (names of any gender) -> names, no name twice in a pool."""
